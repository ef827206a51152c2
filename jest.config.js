/** @type {import("jest").Config} */
export default {
  testEnvironment: "node",
  testMatch: ["<rootDir>/{apps,libs,examples,bench,tools}/**/*.spec.ts"],
  // End-to-end specs have a run of their own: jest.e2e.config.js.
  testPathIgnorePatterns: ["/node_modules/", "/gen/", "\\.e2e\\.spec\\.ts$"],
  modulePathIgnorePatterns: ["<rootDir>/.nx/"],
  extensionsToTreatAsEsm: [".ts"],
  transform: {
    "^.+\\.ts$": [
      "@swc/jest",
      {
        jsc: { parser: { syntax: "typescript" }, target: "esnext" },
        module: { type: "es6" },
      },
    ],
  },
  maxWorkers: 2,
  // A busy machine is no reason for a test to fail; what judges times says so itself.
  testTimeout: 20_000,
};

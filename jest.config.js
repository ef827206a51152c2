/** @type {import("jest").Config} */
export default {
  testEnvironment: "node",
  testMatch: ["<rootDir>/{apps,libs,examples,bench,tools}/**/*.spec.ts"],
  testPathIgnorePatterns: ["/node_modules/", "/gen/"],
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
};

import base from "./jest.config.js";

/** Specs that run whole meshes and judge times: one after the other, with the machine to themselves. */
export default {
  ...base,
  testMatch: ["<rootDir>/{apps,libs,examples,bench,tools}/**/*.e2e.spec.ts"],
  testPathIgnorePatterns: ["/node_modules/", "/gen/"],
  maxWorkers: 1,
};

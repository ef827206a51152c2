export { regexMessage } from "./regex.ts";
export { validateConfig } from "./validate-config.ts";

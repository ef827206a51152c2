export { compileFormat, compileJsonFormat, defaultFormat, FormatError, type JsonFormat } from "./format.ts";
export { type LogFile, type LogFileOptions, openLogFile } from "./log-file.ts";

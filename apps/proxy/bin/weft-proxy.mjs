#!/usr/bin/env node
// Plain JavaScript: with the compile cache on before the first .ts file is read, a second start on a machine neither
// compiles nor loads the type stripper, which saves 35 MB and half of the time.
import { enableCompileCache } from "node:module";

enableCompileCache();
await import("../src/main.ts");

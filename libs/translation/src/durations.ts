import { parseDuration } from "@weft/base";

/** Milliseconds of a duration that validation has let pass; undefined where there is none. */
export function durationMs(text: string | undefined): number | undefined {
  return text === undefined ? undefined : parseDuration(text);
}

import type { Clock } from "@weft/base";

/** Gives the `date` header; made anew once a second. https://www.rfc-editor.org/rfc/rfc9110#section-5.6.7 */
export function createDateSource(clock: Clock): () => string {
  let second = -1;
  let text = "";
  return () => {
    const now = Math.floor(clock.now() / 1000);
    if (now !== second) {
      second = now;
      text = new Date(now * 1000).toUTCString();
    }
    return text;
  };
}

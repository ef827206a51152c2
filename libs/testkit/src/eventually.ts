/** Resolves when the check gives a value; asks again every 20 ms, since what it asks is another process, or a socket. The test's time limit ends a wait in vain. */
export async function eventually<T>(check: () => Promise<T | undefined> | T | undefined): Promise<T> {
  for (;;) {
    const value = await check();
    if (value !== undefined) return value;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

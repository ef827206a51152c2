import { buildRetry, defaultInboundRetry, defaultRetry } from "./retry.ts";

describe("buildRetry()", () => {
  it("gives every route the default, and hashed ones the default on the hash's own host", () => {
    expect(buildRetry(undefined, false)).toBe(defaultRetry);
    expect(buildRetry(undefined, true)).toEqual({ ...defaultRetry, avoidPreviousHosts: false });
  });

  it.each([{}, { attempts: 0 }, { attempts: 0, retryOn: "5xx" }])("is off for %j", (retries) => {
    expect(buildRetry(retries, false)).toBeUndefined();
  });

  it.each([
    ["5xx,reset", "5xx,reset", []],
    [" 5xx , reset ,", "5xx,reset", []],
    // codes need a word beside them to count
    ["503", "retriable-status-codes", [503]],
    ["gateway-error,503,504", "gateway-error,retriable-status-codes", [503, 504]],
    ["retriable-status-codes,503", "retriable-status-codes", [503]],
    ["999", "999", []],
  ])("reads what to retry on from %j", (text, retryOn, statusCodes) => {
    expect(buildRetry({ attempts: 1, retryOn: text }, false)).toMatchObject({
      attempts: 1,
      retryOn,
      statusCodes,
    });
  });

  it("leaves what is not said as where the request goes has it", () => {
    expect(buildRetry(undefined, false, defaultInboundRetry)).toEqual(defaultInboundRetry);
    expect(buildRetry({ attempts: 0 }, false, defaultInboundRetry)).toBeUndefined();
    expect(buildRetry({ attempts: 1, retryOn: "503" }, false, defaultInboundRetry)).toEqual({
      attempts: 1,
      retryOn: "retriable-status-codes",
      statusCodes: [503],
      avoidPreviousHosts: false,
    });
  });

  it("takes over times, localities and hosts", () => {
    const retries = {
      attempts: 5,
      perTryTimeout: "250ms",
      backoff: "1s",
      retryRemoteLocalities: true,
      retryIgnorePreviousHosts: false,
    };
    expect(buildRetry(retries, false)).toEqual({
      ...defaultRetry,
      attempts: 5,
      perTryTimeoutMs: 250,
      backoffMs: 1000,
      remoteLocalities: true,
      avoidPreviousHosts: false,
    });
    expect(buildRetry({ attempts: 1, retryIgnorePreviousHosts: true }, true)?.avoidPreviousHosts).toBe(true);
  });
});

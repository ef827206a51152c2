import { normalRange } from "./address-range.ts";

describe("normalRange()", () => {
  it.each([
    ["10.1.2.3", 8, "10.0.0.0"],
    ["10.255.255.255", 12, "10.240.0.0"],
    ["10.1.2.3", 32, "10.1.2.3"],
    ["10.1.2.3", 0, "0.0.0.0"],
    ["1234:1f1:123:123:f816:3eff:feb8:2287", 32, "1234:1f1::"],
    ["1234:1f1:123:123:f816:3eff:feb8:2287", 16, "1234::"],
    ["fd00::abcd", 127, "fd00::abcc"],
    ["::ffff:10.0.0.1", 112, "::ffff:a00:0"],
    ["2001:db8:0:1::1", 128, "2001:db8:0:1::1"],
    ["::", 0, "::"],
    ["no address", 8, "no address"],
  ])("of %s/%i begins at %s", (address, length, expected) => {
    expect(normalRange(address, length)).toEqual({ address: expected, length });
  });
});

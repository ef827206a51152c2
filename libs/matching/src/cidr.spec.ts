import { parseIp, rangeContains } from "./cidr.ts";

describe("rangeContains()", () => {
  it.each([
    ["10.0.0.0", 8, "10.255.0.1", true],
    ["10.0.0.0", 8, "11.0.0.1", false],
    ["10.1.2.3", 32, "10.1.2.3", true],
    ["0.0.0.0", 0, "203.0.113.9", true],
    ["0.0.0.0", 0, "2001:db8::1", false],
    ["10.0.0.0", 8, "::ffff:10.1.1.1", true],
    ["2001:db8::", 32, "2001:db8:ffff::1", true],
    ["2001:db8::", 32, "2001:db9::1", false],
    ["64:ff9b::", 96, "64:ff9b::192.0.2.1", true],
    ["::", 0, "fe80::1%eth0", true],
    ["nonsense", 8, "10.0.0.1", false],
  ])("%s/%d holds %s: %s", (address, prefixLength, ip, expected) => {
    const parsed = parseIp(ip);
    expect(parsed !== undefined && rangeContains({ address, prefixLength }, parsed)).toBe(expected);
  });
});

describe("parseIp()", () => {
  it.each(["", "1.2.3", "host", "1.2.3.4.5", ":::"])("does not take %j", (text) => {
    expect(parseIp(text)).toBeUndefined();
  });
});

import { AsnConvert } from "@peculiar/asn1-schema";
import { Time } from "@peculiar/asn1-x509";
import { fromBER, Integer, type Sequence } from "asn1js";
import fc from "fast-check";
import { derInteger, derTags, derTime, joinDer } from "./der.ts";

describe("joinDer()", () => {
  it.each([0, 1, 127, 128, 255, 256, 65_535, 65_536])("writes what the library reads: %d bytes", (length) => {
    const inner = joinDer(0x04, Buffer.alloc(length, 7));
    const { result, offset } = fromBER(new Uint8Array(joinDer(derTags.sequence, inner, inner)));
    expect(offset).not.toBe(-1);
    const [one, two] = (result as Sequence).valueBlock.value;
    expect(one?.valueBeforeDecodeView.byteLength).toBe(inner.length);
    expect(Buffer.from(two?.valueBeforeDecodeView ?? []).equals(inner)).toBe(true);
  });
});

describe("derInteger()", () => {
  it("writes as the library does", () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: 2n ** 160n }), (value) => {
        const hex = value.toString(16);
        const magnitude = Buffer.from(hex.padStart(hex.length + (hex.length % 2) + 4, "0"), "hex");
        expect(derInteger(magnitude).equals(Buffer.from(Integer.fromBigInt(value).toBER()))).toBe(true);
      }),
    );
  });
});

describe("derTime()", () => {
  it("writes as the library does, before 2050 and after", () => {
    const years = { min: new Date("1970-01-01"), max: new Date("2200-01-01"), noInvalidDate: true };
    fc.assert(
      fc.property(fc.date(years), (date) => {
        const whole = Math.floor(date.getTime() / 1000) * 1000;
        const expected = Buffer.from(AsnConvert.serialize(new Time(new Date(whole))));
        expect(derTime(whole).equals(expected)).toBe(true);
      }),
    );
  });
});

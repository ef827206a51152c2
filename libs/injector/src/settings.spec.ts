import { defaultValues, readSettings } from "./settings.ts";

const base = { revision: "default", nativeSidecars: true };

describe("readSettings()", () => {
  it("has defaults for everything", () => {
    expect(readSettings({}, base)).toEqual({
      ...base,
      values: defaultValues,
      mesh: {},
      policy: { policy: "enabled" },
      templates: {},
      defaultTemplates: ["sidecar"],
    });
  });

  it("puts the ConfigMaps' words over them", () => {
    const settings = readSettings(
      {
        injector: {
          config:
            "policy: disabled\ntemplates:\n  own: |\n    spec: {hostname: x}\ndefaultTemplates: [sidecar, own]",
          values: '{"global": {"hub": "example.org/mesh", "proxy": {"logLevel": "info"}}}',
        },
        mesh: { mesh: "trustDomain: example.org" },
      },
      base,
    );
    expect(settings.values.global).toMatchObject({
      hub: "example.org/mesh",
      tag: "latest",
      proxy: { image: "proxy", logLevel: "info" },
    });
    expect(settings).toMatchObject({
      mesh: { trustDomain: "example.org" },
      policy: { policy: "disabled" },
      templates: { own: { spec: { hostname: "x" } } },
      defaultTemplates: ["sidecar", "own"],
    });
  });

  it.each([
    [{ injector: { config: "a: [" } }, "ConfigMap istio-sidecar-injector: config: cannot be read"],
    [{ injector: { values: "[]" } }, "ConfigMap istio-sidecar-injector: values: must be an object"],
    [{ injector: { config: "templates: 1" } }, "config: templates: must be an object"],
    [{ mesh: { mesh: "text" } }, "ConfigMap istio: mesh: must be an object"],
  ])("says of %j: %s", (data, message) => {
    expect(() => readSettings(data, base)).toThrow(message);
  });
});

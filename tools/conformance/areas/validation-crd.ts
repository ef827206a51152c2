import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { type ApiServer, peer, startApiServer } from "@weft/testkit";
import { type Area, type CaseResult, failed, type Outcome, passed, unsupported } from "../area.ts";

interface CrdCase {
  readonly id: string;
  readonly object: unknown;
  readonly valid: boolean;
  /** Part of what the API server says. */
  readonly errContains?: string | null;
}

const definitions = resolve(import.meta.dirname, "../../../k8s/crds");

/** Objects that a real API server with the definitions of k8s/crds takes, or refuses for the right reason. */
export const validationCrd: Area = {
  name: "validation-crd",
  folder: "validation-crd",
  async *run(folder): AsyncGenerator<CaseResult> {
    const { cases } = JSON.parse(readFileSync(join(folder, "cases.json"), "utf8")) as {
      readonly cases: readonly CrdCase[];
    };
    const bin = peer("kubernetes");
    if (bin === undefined) {
      const outcome = unsupported("there is no API server here: npm run peers -- kubernetes");
      for (const { id } of cases) yield { id, outcome };
      return;
    }
    const server = await startApiServer(bin);
    try {
      await server.kubectl(["apply", "--server-side", "-k", definitions]);
      await server.kubectl(["wait", "--for=condition=Established", "crd", "--all"]);
      for (const one of cases) yield { id: one.id, outcome: await judge(server, one) };
    } finally {
      await server.close();
    }
  },
};

async function judge(server: ApiServer, { object, valid, errContains }: CrdCase): Promise<Outcome> {
  const error = await create(server, object);
  if (valid) return error === undefined ? passed : failed(`was refused: ${error}`);
  if (error === undefined) return failed("was taken");
  return withoutValues(error).includes(withoutValues(errContains ?? ""))
    ? passed
    : failed(`wanted "${errContains}", was refused with: ${error}`);
}

/** Versions of the API server differ in how they write the value that is wrong: `"object": `, `65536: `, nothing. */
function withoutValues(message: string): string {
  return message.replace(/Invalid value: (?:"(?:integer|object|string)"|\d+): /g, "Invalid value: ");
}

/** What the API server says against an object; undefined where it takes it. */
async function create(server: ApiServer, object: unknown): Promise<string | undefined> {
  try {
    await server.kubectl(["create", "--dry-run=server", "-f", "-"], JSON.stringify(object));
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

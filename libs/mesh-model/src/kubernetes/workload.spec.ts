import { anObject, aPod } from "../testing/objects.ts";
import { toWorkload, workloadName } from "./workload.ts";

const owned = (owner: { kind: string; name: string }, labels: Record<string, string> = {}) => {
  const pod = aPod("web-7d4b9-x2x", "10.1.0.1", { labels });
  const reference = { apiVersion: "apps/v1", controller: true, ...owner };
  return { ...pod, metadata: { ...pod.metadata, ownerReferences: [reference] } };
};

describe("workloadName()", () => {
  it.each([
    ["a bare pod", aPod("web-1", "10.1.0.1"), "web-1"],
    [
      "a deployment",
      owned({ kind: "ReplicaSet", name: "web-7d4b9" }, { "pod-template-hash": "7d4b9" }),
      "web",
    ],
    ["a bare ReplicaSet", owned({ kind: "ReplicaSet", name: "web-7d4b9" }), "web-7d4b9"],
    ["a StatefulSet", owned({ kind: "StatefulSet", name: "db" }), "db"],
    ["a CronJob", owned({ kind: "Job", name: "nightly-28472930" }), "nightly"],
    ["a Job", owned({ kind: "Job", name: "import" }), "import"],
    [
      "a DeploymentConfig",
      owned({ kind: "ReplicationController", name: "web-3" }, { deploymentconfig: "web" }),
      "web",
    ],
  ])("%s", (_what, pod, name) => {
    expect(workloadName(pod)).toBe(name);
  });
});

describe("toWorkload()", () => {
  const node = { "topology.kubernetes.io/region": "r1", "topology.kubernetes.io/zone": "z1" };

  it("takes the locality from the node, or from a label of the pod", () => {
    expect(toWorkload(aPod("a", "10.1.0.1"), node).locality).toEqual({
      region: "r1",
      zone: "z1",
      subzone: "",
    });
    const labelled = aPod("a", "10.1.0.1", { labels: { "istio-locality": "r2.z2.s2" } });
    expect(toWorkload(labelled, node).locality).toEqual({ region: "r2", zone: "z2", subzone: "s2" });
  });

  it("forgets the address of a pod that has ended", () => {
    const body = { spec: {}, status: { phase: "Succeeded", podIP: "10.1.0.1" } };
    expect(toWorkload(anObject("Pod", "job", {}, { body }), {}).addresses).toEqual([]);
  });
});

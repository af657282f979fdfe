import { RootKind } from "../../src/snapshot/graph-tables.ts";
import { dictOf, entry, field, type GraphSpec, type ObjectSpec } from "./synthetic-graph.ts";

/**
 * A small server's heap: module parley.hub whose HUB holds sessions in a dictionary, a class that caches others, a chain, garbage,
 * and one session that only native code holds.
 */
export function parleyGraph(): GraphSpec {
  const sessions = (from: number, to: number) => Array.from({ length: to - from }, (_, index) => `session${from + index}`);
  const objects: Record<string, ObjectSpec> = {
    ...module("parley", "parley", [["kHub", "hubModule"]]),
    ...module("hubModule", "parley.hub", [
      ["kHUB", "hub"],
      ["kSession", "Session"],
    ]),
    kHub: name("hub"),
    kHUB: name("HUB"),
    kSession: name("Session"),
    kSessions: name("sessions"),
    kCache: name("cache"),
    kHead: name("head"),
    kNext: name("next"),
    hub: { type: "parley.hub.Hub", refers: [dictOf("hubDict")] },
    hubDict: {
      type: "dict",
      refers: [...entry(0, "kSessions", "sessions"), ...entry(1, "kHead", "node0")],
    },
    sessions: { type: "dict", refers: sessions(0, 6).flatMap((session, index) => [...entry(index, `id${index}`, session)]) },
    ...Object.fromEntries(sessions(0, 6).map((_, index) => [`id${index}`, { type: "int", value: String(7000 + index) }])),
    Session: { type: "type", describes: "parley.hub.Session", refers: [field("classDict", 31)] },
    classDict: { type: "dict", refers: [...entry(0, "kCache", "cache")] },
    cache: { type: "list", refers: sessions(6, 9) },
    ...Object.fromEntries(
      sessions(0, 11).map((session) => [session, { type: "parley.hub.Session", refers: [field(`${session}Data`, 0)] }]),
    ),
    ...Object.fromEntries(sessions(0, 11).map((session) => [`${session}Data`, { type: "bytes", bytes: 100 }])),
    session9: { type: "parley.hub.Session", refers: [field("session9Data", 0)], referenceCount: 1 },
    session10: { type: "parley.hub.Session", refers: [field("session10Data", 0), field("session10", 1)] },
    ...Object.fromEntries(
      Array.from({ length: 50 }, (_, index) => [
        [`node${index}`, { type: "parley.hub.Node", refers: [dictOf(`node${index}Dict`)] }],
        [`node${index}Dict`, { type: "dict", refers: index === 49 ? [] : [...entry(0, "kNext", `node${index + 1}`)] }],
      ]).flat(),
    ),
    frameVariable: { type: "list", refers: ["session0"] },
  };
  return {
    objects,
    types: {
      type: { fields: { 31: "__dict__" } },
      module: { fields: { 0: "__dict__" } },
      "parley.hub.Session": { fields: { 0: "data", 1: "peer" } },
    },
    roots: [
      { kind: RootKind.module, to: "parley", name: "parley", owner: 0 },
      { kind: RootKind.module, to: "hubModule", name: "parley.hub", owner: 0 },
      { kind: RootKind.frame, to: "frameVariable", name: "targets", owner: 0, frame: 0 },
      { kind: RootKind.library, to: "session9", owner: 1 },
    ],
    snapshot: {
      threads: [
        {
          tid: 41207,
          name: "python3",
          interpreter: 0,
          frames: [{ function: "Hub.fanout", file: "/srv/app/parley/hub.py", line: 212 }],
        },
      ],
    },
  };
}

export function module(
  place: string,
  _name: string,
  globals: readonly (readonly [key: string, value: string])[],
): Record<string, ObjectSpec> {
  const refers = globals.flatMap(([key, value], index) => [...entry(index, key, value)]);
  return {
    [place]: { type: "module", refers: [field(`${place}Dict`, 0)], referenceCount: 1 },
    [`${place}Dict`]: { type: "dict", refers },
  };
}

export function name(text: string): ObjectSpec {
  return { type: "str", text };
}

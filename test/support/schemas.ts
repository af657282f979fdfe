import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { Ajv2020, type ValidateFunction } from "ajv/dist/2020.js";

type Schema = { [key: string]: unknown };

const FOLDER = new URL("../../docs/schemas/", import.meta.url);

/**
 * Fails unless an answer follows its published schema, and uses only keys that the schema describes: readers must expect new
 * keys, but we may not add one without describing it.
 */
export function assertFollowsSchema(answer: unknown): void {
  const validate = validators().get((answer as { schema?: string }).schema ?? "");
  assert.ok(validate, "the answer names a published schema");
  assert.ok(validate(answer), JSON.stringify(validate.errors?.slice(0, 5), undefined, 2));
}

let compiled: ReadonlyMap<string, ValidateFunction> | undefined;

/** Validators by the `schema` key of the answers that they check. */
function validators(): ReadonlyMap<string, ValidateFunction> {
  if (compiled) return compiled;
  const ajv = new Ajv2020({ allErrors: true, allowUnionTypes: true });
  const schemas = readdirSync(FOLDER).map((file) => JSON.parse(readFileSync(new URL(file, FOLDER), "utf8")) as Schema);
  for (const schema of schemas) ajv.addSchema(closed(schema) as Schema);
  const byName = schemas.flatMap((schema) => {
    const name = (schema.properties as { schema?: { const: string } } | undefined)?.schema?.const;
    const validate = name === undefined ? undefined : ajv.getSchema(String(schema.$id));
    return name !== undefined && validate ? [[name, validate] as const] : [];
  });
  compiled = new Map(byName);
  return compiled;
}

/** The schema with every object closed to keys that it does not describe. */
function closed(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(closed);
  if (typeof schema !== "object" || schema === null) return schema;
  const copy = Object.fromEntries(Object.entries(schema).map(([key, value]) => [key, closed(value)]));
  const isObjectSchema = copy.type === "object" && typeof copy.properties === "object";
  return isObjectSchema && copy.additionalProperties === undefined ? { ...copy, additionalProperties: false } : copy;
}

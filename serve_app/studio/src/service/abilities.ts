/** What this service can do: models, formats, and which controls it knows. The page shows what there is. */
import type { Client } from "./client";
import { ServiceError } from "./problems";

export interface Model {
  name: string;
  default: boolean;
  preset?: string;
  emotions: string[];
  styles: (string | number | Record<string, unknown>)[] | number;
  delay_ms?: number | null;
  live?: boolean;
}

export interface Format {
  name: string;
  suffix: string;
  media_type?: string;
  description?: string;
}

export interface Abilities {
  models: Model[];
  formats: Format[];
  /** JSON schemas of the controls by name; of shaping, where there is any. */
  controls: Record<string, Schema>;
  shaping: Record<string, Schema>;
  /** Whether the emotion may be that of another recording. */
  emotionAudio: boolean;
  live: boolean;
  jobs: JobAbilities | null;
}

/** Of dubbing jobs: the formats they write, those that are usual, and the prefix of all their outputs. */
export interface JobAbilities {
  formats: string[];
  usual: string[];
  output: string;
}

export interface Schema {
  type?: string | string[];
  anyOf?: Schema[];
  $ref?: string;
  properties?: Record<string, Schema>;
  additionalProperties?: Schema | boolean;
  enum?: string[];
  items?: Schema;
  default?: unknown;
  $defs?: Record<string, Schema>;
}

interface OpenApi {
  paths: Record<string, Record<string, any>>;
  components: { schemas: Record<string, Schema> };
}

interface Limits {
  jobs_output?: string | null;
}

const ANIMATIONS = "/v1/animations";

export async function askAbilities(client: Client): Promise<Abilities> {
  const document = await client.json<OpenApi>("openapi.json");
  const offers = (path: string) => path in document.paths;
  const optional = async <T>(path: string, fallback: T): Promise<T> =>
    offers(`/${path}`)
      ? client.json<T>(path).catch((error) => (isMissing(error) ? fallback : Promise.reject(error)))
      : fallback;
  const { models } = await optional<{ models: Model[] }>("v1/models", { models: [] });
  const { formats } = await optional<{ formats: Format[] }>("v1/formats", { formats: formatsOf(document) });
  const schema = document.components.schemas.Controls ?? {};
  const look = (ref: string) =>
    schema.$defs?.[ref.split("/").at(-1)!] ?? document.components.schemas[ref.split("/").at(-1)!];
  const controls = schema.properties ?? {};
  const shaping = controls.shaping?.$ref ? look(controls.shaping.$ref) : controls.shaping;
  const form = document.paths[ANIMATIONS]?.post?.requestBody?.content?.["multipart/form-data"]?.schema;
  return {
    models,
    formats,
    controls,
    shaping: shaping?.properties ?? {},
    emotionAudio: "emotion_audio" in (form?.properties ?? {}),
    live: models.some((model) => model.live),
    jobs: offers("/v1/jobs") ? jobsOf(document, await optional<Limits>("v1/limits", {})) : null,
  };
}

function jobsOf(document: OpenApi, limits: Limits): JobAbilities {
  const formats = document.components.schemas.JobOrder?.properties?.formats;
  const usual = Array.isArray(formats?.default) ? formats.default.map(String) : [];
  return { formats: formats?.items?.enum ?? [], usual, output: limits.jobs_output ?? "" };
}

/** Whether a control may be of this JSON type. */
export function takes(schema: Schema | undefined, type: string): boolean {
  if (!schema) return false;
  return [schema.type].flat().includes(type) || (schema.anyOf ?? []).some((part) => takes(part, type));
}

function formatsOf(document: OpenApi): Format[] {
  const parameters: any[] = document.paths[ANIMATIONS]?.post?.parameters ?? [];
  const names: string[] = parameters.find(({ name }) => name === "format")?.schema?.enum ?? [];
  return names.map((name) => ({ name, suffix: `.${name}` }));
}

const isMissing = (error: unknown) => error instanceof ServiceError && error.status === 404;

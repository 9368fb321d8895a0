/** What went wrong, in words for the person in front of the page: what, why, and what to do. */

interface ProblemDocument {
  type?: string;
  title?: string;
  status?: number;
  detail?: string;
  [member: string]: unknown;
}

export class ServiceError extends Error {
  readonly title: string;
  readonly detail: string;
  readonly status: number;
  readonly advice: string;
  readonly retryAfter: number | null;

  constructor(problem: ProblemDocument, retryAfter: number | null = null) {
    super(problem.detail ?? problem.title ?? "");
    this.title = problem.title ?? "The service answered with an error";
    this.detail = problem.detail ?? "";
    this.status = problem.status ?? 0;
    this.retryAfter = retryAfter;
    this.advice = advice(problem);
  }
}

const ADVICE: Record<string, string> = {
  "bad-audio": "Open a file that holds sound: WAV, FLAC, MP3, M4A, Ogg, or a film with a voice.",
  "bad-controls": "Set this back, or choose another value.",
  "bad-request": "The page and the service may be of different versions: reload the page.",
  "body-too-large": "Save the recording as FLAC, MP3 or Opus, or cut it.",
  "bad-uri": "Name a place that this service may read or write.",
  "not-acceptable": "Choose another format.",
  unauthorized: "Type an API key of this service.",
  forbidden: "This key may not do that: ask for one that may.",
  "unknown-model": "Reload the page: the service's models have changed.",
  idle: "Begin again when you want to speak.",
  "too-fast": "Begin again.",
  overloaded: "Others are being served. Try again in a moment.",
  "output-taken": "Wait for that job, cancel it, or choose another folder.",
  "cluster-away": "Try again in a moment; if it stays, whoever runs the service finds the reason in its log.",
  unavailable: "A model is being started or replaced. Try again in a moment.",
  internal: "Try again; if it stays, whoever runs the service finds the reason in its log.",
  "not-found": "It may have been removed: reload the page.",
};

function advice(problem: ProblemDocument): string {
  const kind = problem.type?.split(":").at(-1) ?? "";
  if (kind === "recording-too-long") {
    const limit = Number(problem.max_audio_s);
    return limit
      ? `Cut it to ${Math.floor(limit / 60)} min ${Math.round(limit % 60)} s, or make it a batch job.`
      : "Cut it.";
  }
  if (kind in ADVICE) return ADVICE[kind];
  if (problem.status === 401) return ADVICE.unauthorized;
  if (problem.status === 403) return ADVICE.forbidden;
  if (problem.status === 429) return ADVICE.overloaded;
  return (problem.status ?? 0) >= 500 ? ADVICE.internal : "";
}

export async function errorOf(response: Response): Promise<ServiceError> {
  const wait = Number(response.headers.get("retry-after"));
  const plain = { title: response.statusText || "The service answered with an error", status: response.status };
  const document = await response.json().catch(() => ({}));
  return new ServiceError({ ...plain, ...(typeof document === "object" ? document : {}) }, wait || null);
}

export const UNREACHABLE = new ServiceError({ title: "The service cannot be reached", detail: "No answer came." });

const MICROPHONE: Record<string, [string, string]> = {
  NotAllowedError: ["The microphone is not allowed", "Allow it beside the page's address, then try again."],
  NotFoundError: ["There is no microphone", "Plug one in, then try again."],
  NotReadableError: ["The microphone is taken", "Close what else uses it, then try again."],
  SecurityError: ["No microphone on this page", "Browsers lend it to pages from localhost or over HTTPS only."],
};

/** Title, detail and advice of anything that was thrown. */
export function explained(error: unknown): { title: string; detail: string; advice: string } {
  if (error instanceof ServiceError) {
    const help = error === UNREACHABLE ? "See that it runs and that you are online, then try again." : error.advice;
    return { title: error.title, detail: error.detail, advice: help };
  }
  if (error instanceof DOMException && error.name in MICROPHONE) {
    const [title, help] = MICROPHONE[error.name];
    return { title, detail: "", advice: help };
  }
  return { title: "This did not work", detail: error instanceof Error ? error.message : String(error), advice: "" };
}

export const isAbort = (error: unknown): boolean => error instanceof DOMException && error.name === "AbortError";

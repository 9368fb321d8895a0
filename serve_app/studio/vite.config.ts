import { createHash } from "node:crypto";
import { readFileSync, readdirSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import { gzipSync } from "node:zlib";
import { defineConfig, type Plugin } from "vite";

const ROOT = import.meta.dirname;
const BUILT = join(ROOT, "dist");
const SOURCES = ["index.html", "package.json", "package-lock.json", "tsconfig.json", "vite.config.ts"];
const FOLDERS = ["src"]; // public holds the default head alone, which `make studio` makes anew

const digest = (path: string): string => createHash("sha256").update(readFileSync(path)).digest("hex");

function filesUnder(path: string): string[] {
  const entries = readdirSync(path, { withFileTypes: true, recursive: true });
  return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
}

/** Writes dist/build.json: digests of every source and of every built file, so that a test without Node can compare. */
function provenance(): Plugin {
  return {
    name: "provenance",
    apply: "build",
    closeBundle() {
      const sources = [
        ...SOURCES.map((name) => join(ROOT, name)),
        ...FOLDERS.flatMap((name) => filesUnder(join(ROOT, name))),
      ];
      const listed = (paths: string[], base: string) =>
        Object.fromEntries(paths.map((path) => [relative(base, path).replaceAll("\\", "/"), digest(path)]).sort());
      const built = filesUnder(BUILT).filter((path) => !path.endsWith("build.json"));
      const document = { sources: listed(sources, ROOT), built: listed(built, BUILT) };
      writeFileSync(join(BUILT, "build.json"), JSON.stringify(document, null, 1) + "\n");
      const packed = built.reduce((sum, path) => sum + gzipSync(readFileSync(path)).length, 0);
      console.log(`the page and all it loads, the head included: ${(packed / 1000).toFixed(0)} kB packed`);
    },
  };
}

export default defineConfig({
  root: ROOT,
  plugins: [provenance()],
  build: { target: "es2022", assetsInlineLimit: 0, modulePreload: { polyfill: false }, chunkSizeWarningLimit: 900 },
  worker: { format: "es" },
  server: {
    proxy: {
      "/v1": { target: "http://127.0.0.1:8000", ws: true },
      "/openapi.json": "http://127.0.0.1:8000",
      "/studio/rig.glb": "http://127.0.0.1:8000",
    },
  },
  // The page is at /, what it loads under studio/: relative, so that both may lie behind a prefix.
  experimental: {
    renderBuiltUrl: (name, { hostType }) => (hostType === "html" ? `studio/${name}` : { relative: true }),
  },
});

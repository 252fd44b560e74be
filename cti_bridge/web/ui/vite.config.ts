import type { HtmlTagDescriptor, Plugin, Rolldown } from "vite";
import { build, defineConfig } from "vite";

/**
 * Builds `src/boot.ts` into a script of its own that runs before the first paint. It cannot be inline (the page's
 * Content-Security-Policy forbids that), nor a module (those run after the page is parsed and may have been painted).
 */
function boot(): Plugin {
  let name = "";
  return {
    name: "boot",
    apply: "build",
    enforce: "pre",
    async generateBundle() {
      const built = (await build({
        configFile: false,
        logLevel: "warn",
        build: {
          write: false,
          target: "es2022",
          rolldownOptions: { input: "src/boot.ts", output: { format: "iife" } },
        },
      })) as Rolldown.RolldownOutput;
      const reference = this.emitFile({ type: "asset", name: "boot.js", source: built.output[0].code });
      name = this.getFileName(reference);
    },
    transformIndexHtml: {
      order: "post",
      handler: (): HtmlTagDescriptor[] => [{ tag: "script", attrs: { src: `/${name}` }, injectTo: "head-prepend" }],
    },
  };
}

export default defineConfig({
  plugins: [boot()],
  oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
  build: {
    outDir: "../static",
    emptyOutDir: true,
    target: "es2022",
    // The page's Content-Security-Policy forbids data: URLs and inline code.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
  },
});

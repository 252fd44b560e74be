import { defineConfig } from "vite";

export default defineConfig({
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

/** Runs before anything is painted (see `vite.config.ts`), so that the page is never seen in the wrong theme. */

import { dress, readPreferences } from "./kept";

dress(readPreferences().theme);

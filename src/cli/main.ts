import { main } from "./core/main.ts";

await main(process.argv.slice(2));

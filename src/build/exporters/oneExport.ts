import type { ExportJob } from "./exporter.ts";
import type { ExporterRooms } from "./exporterRooms.ts";

/** One export of a request, its attributes read and found good. */
export interface OneExport {
  run(rooms: ExporterRooms, job: ExportJob): Promise<Readonly<Record<string, string>>>;
}

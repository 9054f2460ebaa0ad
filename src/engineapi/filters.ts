/** The decoded `filters` query parameter: key → values. Both wire forms (`{"k":["v"]}` and `{"k":{"v":true}}`) end here. */
export type Filters = ReadonlyMap<string, readonly string[]>;

/** The page as one HTML text. */
export declare function buildPage(): Promise<string>
/** Writes the page and returns its SHA-256 in lowercase hex. */
export declare function writePage(path: string): Promise<string>

export function compile(source: URL): string

// Tells the Content-Type by the ending of a name. A table of our own: the types that files are uploaded as, and no more.

/** The IANA's names: https://www.iana.org/assignments/media-types. Text is UTF-8, as it is nearly everywhere. */
const endings: Readonly<Record<string, string>> = {
  'application/gzip': 'gz tgz',
  'application/java-archive': 'jar war',
  'application/json': 'json map',
  'application/msword': 'doc',
  'application/pdf': 'pdf',
  'application/rtf': 'rtf',
  'application/vnd.android.package-archive': 'apk',
  'application/vnd.ms-excel': 'xls',
  'application/vnd.ms-powerpoint': 'ppt',
  'application/vnd.openxmlformats-officedocument.presentationml.presentation': 'pptx',
  'application/vnd.openxmlformats-officedocument.spreadsheetml.sheet': 'xlsx',
  'application/vnd.openxmlformats-officedocument.wordprocessingml.document': 'docx',
  'application/vnd.rar': 'rar',
  'application/wasm': 'wasm',
  'application/x-7z-compressed': '7z',
  'application/x-bzip2': 'bz2',
  'application/x-iso9660-image': 'iso',
  'application/x-ndjson': 'ndjson jsonl',
  'application/x-tar': 'tar',
  'application/x-xz': 'xz',
  'application/xml': 'xml xsd xsl',
  'application/yaml': 'yaml yml',
  'application/zip': 'zip',
  'application/zstd': 'zst',
  'audio/aac': 'aac',
  'audio/flac': 'flac',
  'audio/mp4': 'm4a',
  'audio/mpeg': 'mp3',
  'audio/ogg': 'oga ogg opus',
  'audio/wav': 'wav',
  'font/otf': 'otf',
  'font/ttf': 'ttf',
  'font/woff': 'woff',
  'font/woff2': 'woff2',
  'image/avif': 'avif',
  'image/bmp': 'bmp',
  'image/gif': 'gif',
  'image/heic': 'heic',
  'image/jpeg': 'jpg jpeg',
  'image/png': 'png',
  'image/svg+xml': 'svg',
  'image/tiff': 'tif tiff',
  'image/vnd.microsoft.icon': 'ico',
  'image/webp': 'webp',
  'text/css; charset=utf-8': 'css',
  'text/csv; charset=utf-8': 'csv',
  'text/html; charset=utf-8': 'html htm',
  'text/javascript; charset=utf-8': 'js mjs',
  'text/markdown; charset=utf-8': 'md',
  'text/plain; charset=utf-8': 'txt log',
  'text/tab-separated-values; charset=utf-8': 'tsv',
  'video/mp2t': 'ts',
  'video/mp4': 'mp4 m4v',
  'video/mpeg': 'mpg mpeg',
  'video/ogg': 'ogv',
  'video/quicktime': 'mov',
  'video/webm': 'webm',
  'video/x-matroska': 'mkv',
  'video/x-msvideo': 'avi',
}

const types: ReadonlyMap<string, string> = new Map(
  Object.entries(endings).flatMap(([type, list]) => list.split(' ').map((end) => [end, type])),
)

/** @returns the type of the first name whose ending is known, else `application/octet-stream` */
export function contentTypeOf(...names: readonly (string | undefined)[]): string {
  for (const name of names) {
    const [, ending = ''] = /\.([A-Za-z0-9]+)$/.exec(name ?? '') ?? []
    const type = types.get(ending.toLowerCase())
    if (type !== undefined) return type
  }
  return 'application/octet-stream'
}

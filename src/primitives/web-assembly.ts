// Owns the part of the WebAssembly API that is used here: neither the ES library nor `@types/node` 20 declares it.

export interface WasmMemory {
  readonly buffer: ArrayBuffer
}

export interface WasmApi {
  readonly Module: new (code: Uint8Array) => object
  readonly Instance: new (module: object, imports: object) => { readonly exports: unknown }
  /** In pages of 64 KiB. */
  readonly Memory: new (size: {
    readonly initial: number
    readonly maximum: number
  }) => WasmMemory
}

/** Undefined where there is none, as with `node --jitless`. */
export function wasmApi(): WasmApi | undefined {
  return (globalThis as { WebAssembly?: WasmApi }).WebAssembly
}

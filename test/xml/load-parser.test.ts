// The parser that is loaded is the package's own, in whichever build.

import { createRequire } from 'node:module'
import { describe, expect, it } from 'vitest'
import { loadParser } from '../../src/xml/load-parser.js'

describe('loadParser', () => {
  it('gives the build of one file, which is quick to load, and the same each time', async () => {
    const { XMLParser } = await loadParser()
    expect(XMLParser).toBe(createRequire(import.meta.url)('fast-xml-parser').XMLParser)
    expect((await loadParser()).XMLParser).toBe(XMLParser)
    expect(createRequire(import.meta.url).resolve('fast-xml-parser')).toMatch(/fxp\.cjs$/)
  })

  it('gives what reads a document as the module does', async () => {
    const options = { preserveOrder: true, cdataPropName: '#cdata', parseTagValue: false }
    const text = '<a><b>1</b><![CDATA[<c>]]>&amp;</a>'
    const module = await import('fast-xml-parser')
    const { XMLParser } = await loadParser()
    expect(new XMLParser(options).parse(text)).toEqual(new module.XMLParser(options).parse(text))
  })
})

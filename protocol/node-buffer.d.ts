/** Methods of Buffer that Node has had since 0.x and @types/node leaves out: no option parsing. */
interface Buffer {
  latin1Slice(start: number, end: number): string
  utf8Slice(start: number, end: number): string
  utf8Write(text: string, offset: number): number
}

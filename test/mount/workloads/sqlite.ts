import { join } from 'node:path'
import { command } from './command.ts'

const sqlite = (file: string, sql: string): Promise<string> =>
  command('sqlite3', ['-batch', '-bail', '-cmd', '.timeout 60000', file], { input: sql })

const insert = (writer: number, n: number): string =>
  `BEGIN IMMEDIATE; INSERT INTO t VALUES (${writer}, ${n}, hex(randomblob(${(n % 40) * 20})));` +
  ` UPDATE count SET n = n + 1; COMMIT;\n`

const inserts = (writer: number, count: number): string =>
  Array.from({ length: count }, (_, n) => insert(writer, n)).join('')

async function expectResult(file: string, sql: string, expected: string): Promise<void> {
  const got = (await sqlite(file, sql)).trim()
  if (got !== expected) throw new Error(`${sql} gave ${got}, not ${expected}`)
}

/** Two processes write to one database, in transactions; then it must be whole. */
export async function twoWriters(
  dir: string,
  journal: 'WAL' | 'DELETE',
  count: number,
): Promise<void> {
  const file = join(dir, `${journal}.db`)
  const mode = await sqlite(file, `PRAGMA journal_mode=${journal};`)
  if (mode.trim() !== journal.toLowerCase()) throw new Error(`journal_mode is ${mode.trim()}`)
  await sqlite(
    file,
    `CREATE TABLE t (writer INT, n INT, data TEXT); CREATE INDEX i ON t (data);
     CREATE TABLE count (n INT); INSERT INTO count VALUES (0);`,
  )
  await Promise.all([sqlite(file, inserts(1, count)), sqlite(file, inserts(2, count))])
  await expectResult(file, 'PRAGMA integrity_check;', 'ok')
  await expectResult(file, 'SELECT n FROM count;', String(2 * count))
  await expectResult(file, 'SELECT count(DISTINCT writer * 1000000 + n) FROM t;', String(2 * count))
  await sqlite(file, 'DELETE FROM t WHERE n % 2 = 0; VACUUM;')
  await expectResult(file, 'PRAGMA integrity_check;', 'ok')
}

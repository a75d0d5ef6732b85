import { checkAll } from './codec_checks.ts'

process.stdout.write(JSON.stringify(checkAll(100)))

// What the examples have in common. A file system of your own imports 'devfuse/command'.
export { type Command, type Invocation, main, type Plan } from '../lib/command.ts'

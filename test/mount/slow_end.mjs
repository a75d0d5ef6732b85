// An empty file system whose `destroy` waits for SIGUSR2: the end of the process can be held.
const dist = new URL('../../dist/', import.meta.url)
const { runInForeground } = await import(new URL('lib/command.js', dist).href)

const letGo = new Promise((resolve) => process.once('SIGUSR2', resolve))
// A listener for signals keeps no process alive.
const alive = setInterval(() => {}, 1 << 30)
letGo.then(() => clearInterval(alive))
const ops = { destroy: () => letGo }
const command = { name: 'slow_end', about: 'Ends slowly.', words: {}, plan: () => ({ ops }) }
await runInForeground(command, process.argv.slice(2))

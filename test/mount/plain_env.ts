/**
 * The environment without what tap adds to it: its hooks would load in every node that is
 * started from a test, slow it down and take its signals.
 */
export function plainEnv(more: NodeJS.ProcessEnv = {}): NodeJS.ProcessEnv {
  const env = { ...process.env }
  for (const name of Object.keys(env)) {
    if (name.startsWith('_TAPJS_') || name.startsWith('TAP_')) delete env[name]
  }
  if (env.NODE_OPTIONS?.includes('tapjs')) delete env.NODE_OPTIONS
  return { ...env, ...more }
}

const always = 'allow_other,default_permissions'

/** The options of stackfs under which everything has to be right. */
export const configurations: Readonly<Record<string, string>> = {
  'nothing cached, locks on the lower files': `${always},cache=never,posix_lock,flock`,
  'default timeouts': always,
  'everything cached, reads copied': `${always},cache=always,no_splice`,
  'write-back cache': `${always},writeback_cache`,
  passthrough: `${always},passthrough`,
}

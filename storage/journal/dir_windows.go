package journal

// noDirSync: a directory cannot be synchronised here.
const noDirSync = true

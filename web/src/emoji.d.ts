declare module 'virtual:emoji' {
  export const groups: string[]; // one a group: lines of sign|name|words
}

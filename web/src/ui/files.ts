// What kinds of file there are, in words of people; which can be read in place, and which are not taken at all.

const words: Record<string, string> = {
  pdf: 'PDF', txt: 'Text', log: 'Text', md: 'Text', csv: 'Table (CSV)', json: 'Data (JSON)', xml: 'Data (XML)', rtf: 'Rich text', odt: 'Document', ods: 'Spreadsheet', odp: 'Slides',
  doc: 'Word document', docx: 'Word document', xls: 'Excel spreadsheet', xlsx: 'Excel spreadsheet', ppt: 'PowerPoint slides', pptx: 'PowerPoint slides', zip: 'Archive of files', dcm: 'DICOM image',
  mp3: 'Sound', wav: 'Sound', m4a: 'Sound', ogg: 'Sound', oga: 'Sound', mp4: 'Video', mov: 'Video', webm: 'Video', heic: 'Photo (HEIC)', tif: 'Picture (TIFF)', tiff: 'Picture (TIFF)',
};

// What runs when it is opened, or draws a page that can run something: it is not sent from here.
const refused = new Set(['exe', 'msi', 'msix', 'appx', 'bat', 'cmd', 'com', 'scr', 'pif', 'cpl', 'ps1', 'psm1', 'vbs', 'vbe', 'js', 'jse', 'mjs', 'wsf', 'wsh', 'hta', 'jar', 'reg', 'lnk', 'url', 'dll', 'sys',
  'sh', 'bash', 'py', 'pl', 'apk', 'ipa', 'dmg', 'pkg', 'app', 'deb', 'rpm', 'iso', 'img', 'vhd', 'html', 'htm', 'xhtml', 'shtml', 'svg', 'mht', 'mhtml', 'chm', 'docm', 'xlsm', 'pptm', 'dotm', 'xltm', 'xlam', 'one']);

export function extension(name: string): string {
  const m = /\.([a-z0-9]{1,8})$/i.exec(name.trim());
  return (m?.[1] ?? '').toLowerCase();
}

// fileWord names a kind of file.
export function fileWord(name: string, type: string): string {
  const ext = extension(name);
  const known = words[ext];
  if (known !== undefined) return known;
  if (type.startsWith('audio/')) return 'Sound';
  if (type.startsWith('video/')) return 'Video';
  if (type.startsWith('image/')) return 'Picture';
  if (type === 'application/pdf') return 'PDF';
  if (type.startsWith('text/plain')) return 'Text';
  return ext === '' ? 'File of an unknown kind' : `${ext.toUpperCase()} file`;
}

// refusal says why a file is not taken, or nothing.
export function refusal(name: string, size: number, most: number): string {
  const ext = extension(name);
  if (refused.has(ext)) return `${name} was left out: a .${ext} file can run on the computer that opens it.`;
  if (size === 0) return `${name} was left out: it is empty.`;
  if (size > most) return `${name} was left out: it is larger than ${Math.floor(most / 1e6)} MB, which is the most that can be sent.`;
  return '';
}

// readable says how a file is shown in place: as pages, as text, or not.
export function readable(name: string, type: string): 'pdf' | 'text' | 'sound' | '' {
  const [ext, kind] = [extension(name), type.split(';')[0]?.trim().toLowerCase() ?? ''];
  if (kind === 'application/pdf' || (ext === 'pdf' && (kind === '' || kind === 'application/octet-stream'))) return 'pdf';
  if (['text/plain', 'text/csv', 'text/markdown', 'application/json'].includes(kind) || (['txt', 'log', 'md', 'csv', 'json'].includes(ext) && (kind === '' || kind === 'application/octet-stream' || kind.startsWith('text/')))) return 'text';
  return kind.startsWith('audio/') ? 'sound' : '';
}

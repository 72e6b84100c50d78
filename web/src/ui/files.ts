// What kinds of file there are, in words of people; which can be read in place, and which are not taken at all.

import { t } from '../words/words';

const words: Record<string, string> = {
  pdf: 'PDF', txt: t('Text'), log: t('Text'), md: t('Text'), csv: t('Table (CSV)'), json: t('Data (JSON)'), xml: t('Data (XML)'), rtf: t('Rich text'), odt: t('Document'), ods: t('Spreadsheet'), odp: t('Slides'),
  doc: t('Word document'), docx: t('Word document'), xls: t('Excel spreadsheet'), xlsx: t('Excel spreadsheet'), ppt: t('PowerPoint slides'), pptx: t('PowerPoint slides'), zip: t('Archive of files'), dcm: t('DICOM image'),
  mp3: t('Sound'), wav: t('Sound'), m4a: t('Sound'), ogg: t('Sound'), oga: t('Sound'), mp4: t('Video'), mov: t('Video'), webm: t('Video'), heic: t('Photo (HEIC)'), tif: t('Picture (TIFF)'), tiff: t('Picture (TIFF)'),
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
  if (type.startsWith('audio/')) return t('Sound');
  if (type.startsWith('video/')) return t('Video');
  if (type.startsWith('image/')) return t('Picture');
  if (type === 'application/pdf') return 'PDF';
  if (type.startsWith('text/plain')) return t('Text');
  return ext === '' ? t('File of an unknown kind') : t('{kind} file', { kind: ext.toUpperCase() });
}

// refusal says why a file is not taken, or nothing.
export function refusal(name: string, size: number, most: number): string {
  const ext = extension(name);
  if (refused.has(ext)) return t('{name} was left out: a .{ext} file can run on the computer that opens it.', { name, ext });
  if (size === 0) return t('{name} was left out: it is empty.', { name });
  if (size > most) return t('{name} was left out: it is larger than {most} MB, which is the most that can be sent.', { name, most: Math.floor(most / 1e6) });
  return '';
}

// closed says why a file that somebody sent is neither opened nor saved from here, or nothing.
export function closed(name: string): string {
  const ext = extension(name);
  return refused.has(ext) ? t('{name} is not opened or saved from here: a .{ext} file can run on the computer that opens it.', { name, ext }) : '';
}

// readable says how a file is shown in place: as pages, as text, or not.
export function readable(name: string, type: string): 'pdf' | 'text' | 'sound' | '' {
  const [ext, kind] = [extension(name), type.split(';')[0]?.trim().toLowerCase() ?? ''];
  if (kind === 'application/pdf' || (ext === 'pdf' && (kind === '' || kind === 'application/octet-stream'))) return 'pdf';
  if (['text/plain', 'text/csv', 'text/markdown', 'application/json'].includes(kind) || (['txt', 'log', 'md', 'csv', 'json'].includes(ext) && (kind === '' || kind === 'application/octet-stream' || kind.startsWith('text/')))) return 'text';
  return kind.startsWith('audio/') ? 'sound' : '';
}

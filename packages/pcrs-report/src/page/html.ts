/** Makes elements from a template: inserted values become text or attribute values, never markup. */
export { html } from 'htm/preact';

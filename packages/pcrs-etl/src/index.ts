export { type PartStatus, type PipeOptions, type PipePart, runPipe } from './pipe.ts';

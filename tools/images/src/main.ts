// npm run images [-- NAME...]: builds the images of Weft's apps with Docker, and prints their sizes.
import { images } from "./bundle.ts";
import { buildImages } from "./docker.ts";

try {
  const names = process.argv.slice(2);
  for (const name of names) {
    if (images.some((image) => image.name === name)) continue;
    throw new Error(`there is no image ${name}; there are ${images.map((image) => image.name).join(", ")}`);
  }
  const chosen = names.length === 0 ? images : images.filter(({ name }) => names.includes(name));
  await buildImages(chosen, (line) => process.stdout.write(`${line}\n`));
} catch (error) {
  process.stderr.write(`images: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}

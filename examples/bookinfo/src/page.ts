import { type Html, html, raw } from "./html.ts";
import { style } from "./style.ts";

/** A book as the catalogue has it. */
export interface Product {
  readonly id: number;
  readonly title: string;
  readonly author: string;
  readonly summary: string;
  readonly summaryUrl: string;
}

/** What the details service says of a book: names and values, shown as they come. */
export type Details = Readonly<Record<string, string | number>>;

/** What the reviews service says of a book. */
export interface Reviews {
  readonly podname?: string;
  readonly reviews: readonly {
    readonly reviewer: string;
    readonly text: string;
    readonly rating?: { readonly stars: number; readonly color: string } | { readonly error: string };
  }[];
}

/** A part of the page that another service fills, or why it could not. */
export type Part<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly error: string };

/** All that the product page shows. */
export interface ProductPage {
  readonly product: Product;
  readonly details: Part<Details>;
  readonly reviews: Part<Reviews>;
  readonly user: string | undefined;
}

/** The product page as HTML. */
export function renderProductPage({ product, details, reviews, user }: ProductPage): string {
  return page(
    product.title,
    user,
    html`<main>
  <section class="book">
    <div class="cover"><b>${product.title}</b><small>${product.author}</small></div>
    <div>
      <h1>${product.title}</h1>
      <p class="summary">${product.summary} <a href="${product.summaryUrl}">Wikipedia summary</a></p>
    </div>
  </section>
  <div class="columns">
    ${details.ok ? detailsCard(details.value) : errorCard("Error fetching product details!", details.error)}
    ${reviews.ok ? reviewsCard(reviews.value) : errorCard("Error fetching product reviews!", reviews.error)}
  </div>
</main>`,
  );
}

/** The front page as HTML. */
export function renderFrontPage(user: string | undefined): string {
  return page(
    "Bookinfo",
    user,
    html`<main class="plain">
  <h1>Bookinfo</h1>
  <p>A book shop of four small services, three of them behind this page: <b>details</b>, <b>reviews</b> in three versions, and
  <b>ratings</b>, which two versions of reviews ask for stars.</p>
  <ul>
    <li><a href="/productpage">The product page</a></li>
    <li><a href="/api/v1/products">/api/v1/products</a>, and <a href="/api/v1/products/0">/0</a>,
      <a href="/api/v1/products/0/reviews">/0/reviews</a>, <a href="/api/v1/products/0/ratings">/0/ratings</a> below it</li>
    <li><a href="/health">/health</a></li>
  </ul>
</main>`,
  );
}

function page(title: string, user: string | undefined, main: Html): string {
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title}</title>
<link rel="icon" href="data:,">
<style>${raw(style)}</style>
</head>
<body>
<header><div class="row"><a class="brand" href="/">Bookinfo</a>${account(user)}</div></header>
${main}
</body>
</html>
`.html;
}

function account(user: string | undefined): Html {
  if (user !== undefined) {
    return html`<span class="who">Signed in as ${user}</span><form action="/logout" method="get"><button>Sign out</button></form>`;
  }
  return html`<form action="/login" method="post"><input name="username" placeholder="User name" aria-label="User name" required><input name="passwd" type="password" placeholder="Password" aria-label="Password"><button>Sign in</button></form>`;
}

function detailsCard(details: Details): Html {
  const rows = Object.entries(details)
    .filter(([name]) => name !== "id")
    .map(([name, value]) => html`<dt>${name.charAt(0).toUpperCase() + name.slice(1)}</dt><dd>${value}</dd>`);
  return html`<section class="card"><h2>Book details</h2><dl>${rows}</dl></section>`;
}

function reviewsCard(reviews: Reviews): Html {
  const quotes = reviews.reviews.map(
    ({ reviewer, text, rating }) =>
      html`<blockquote><p>${text}</p><div class="by"><span>${reviewer}</span>${stars(rating)}</div></blockquote>`,
  );
  return html`<section class="card"><h2>Book reviews</h2>${quotes}<p class="served">Reviews served by <code>${reviews.podname ?? "unknown"}</code></p></section>`;
}

function stars(rating: Reviews["reviews"][number]["rating"]): Html | undefined {
  if (rating === undefined) return undefined;
  if ("error" in rating) return html`<span class="unrated">${rating.error}</span>`;
  if (rating.stars < 0) return undefined;
  const full = Math.min(5, rating.stars);
  return html`<span class="stars" style="color: ${rating.color}" title="${full} of 5">${"★".repeat(full)}<i>${"★".repeat(5 - full)}</i></span>`;
}

function errorCard(title: string, error: string): Html {
  return html`<section class="card bad"><h2>${title}</h2><p>${error}</p></section>`;
}

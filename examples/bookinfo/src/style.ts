/** Style sheet of the product page. */
export const style = `
:root { --ink: #1d2433; --soft: #5c6579; --line: #e3e7ef; --paper: #ffffff; --ground: #f4f6fa; --accent: #3558d4; --red: #d13438; --bad: #fdf0ef; }
* { box-sizing: border-box; }
body { margin: 0; background: var(--ground); color: var(--ink); font: 16px/1.55 system-ui, "Segoe UI", Roboto, "Helvetica Neue", sans-serif; }
a { color: var(--accent); }
header { background: var(--ink); color: #fff; }
header .row { max-width: 60rem; margin: 0 auto; padding: .9rem 1.5rem; display: flex; align-items: center; gap: 1rem; }
header .brand { font-weight: 650; letter-spacing: .01em; color: #fff; text-decoration: none; margin-right: auto; }
header form { display: flex; gap: .5rem; align-items: center; margin: 0; }
header input { width: 9rem; padding: .35rem .6rem; border: 1px solid #46506a; border-radius: .4rem; background: #2a3348; color: #fff; font: inherit; font-size: .9rem; }
header input::placeholder { color: #9aa5bd; }
button { padding: .35rem .9rem; border: 0; border-radius: .4rem; background: var(--accent); color: #fff; font: inherit; font-size: .9rem; cursor: pointer; }
header .who { font-size: .9rem; color: #c9d1e3; }
main { max-width: 60rem; margin: 0 auto; padding: 2rem 1.5rem 3rem; }
.book { display: grid; grid-template-columns: 11rem 1fr; gap: 2rem; align-items: start; }
.cover { aspect-ratio: 2 / 3; border-radius: .4rem .8rem .8rem .4rem; padding: 1.2rem 1rem; color: #fff; background: linear-gradient(150deg, #4763d8, #7d3fb4 75%); box-shadow: 0 .6rem 1.6rem rgb(29 36 51 / .22), inset .5rem 0 0 rgb(0 0 0 / .16); display: flex; flex-direction: column; justify-content: space-between; }
.cover b { font: 600 1.25rem/1.25 Georgia, "Times New Roman", serif; }
.cover small { opacity: .85; }
h1 { margin: 0 0 .4rem; font: 600 2.1rem/1.2 Georgia, "Times New Roman", serif; }
h2 { margin: 0 0 1rem; font-size: 1.05rem; letter-spacing: .01em; }
.summary { margin: 0; color: var(--soft); }
.columns { display: grid; grid-template-columns: 19rem 1fr; gap: 1.5rem; margin-top: 2rem; align-items: start; }
.card { background: var(--paper); border: 1px solid var(--line); border-radius: .8rem; padding: 1.3rem 1.4rem; }
.card.bad { background: var(--bad); border-color: #f2c9c6; }
.card.bad h2 { color: var(--red); }
.card.bad p { margin: 0; }
dl { display: grid; grid-template-columns: auto 1fr; gap: .45rem 1.2rem; margin: 0; font-size: .93rem; }
dt { color: var(--soft); } dd { margin: 0; text-align: right; }
blockquote { margin: 0; padding: 1rem 0; border-top: 1px solid var(--line); }
blockquote:first-of-type { border-top: 0; padding-top: 0; }
blockquote p { margin: 0 0 .4rem; }
.by { font-size: .9rem; color: var(--soft); display: flex; gap: .7rem; align-items: center; }
.stars { letter-spacing: .12em; font-size: 1.05rem; }
.stars i { font-style: normal; color: #d5dae4; }
.unrated { color: var(--red); }
.served { margin: .4rem 0 0; padding-top: .8rem; border-top: 1px solid var(--line); font-size: .85rem; color: var(--soft); }
.served code { color: var(--ink); }
.plain { max-width: 42rem; } .plain li { margin: .3rem 0; }
@media (max-width: 46rem) { .book, .columns { grid-template-columns: 1fr; } .cover { width: 9rem; } header .row { flex-wrap: wrap; } }
`;

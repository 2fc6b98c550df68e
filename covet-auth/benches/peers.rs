//! Beside the peers: verification and the guard (`peers/tokens.rs`), the blacklist alone (`peers/blacklist.rs`).

#[path = "peers/blacklist.rs"]
mod blacklist;
#[path = "peers/tokens.rs"]
mod tokens;

fn main() -> std::process::ExitCode {
    covet_bench::main("covet-auth", |bench| {
        tokens::verify(bench);
        tokens::remembered(bench);
        tokens::authenticate(bench);
        blacklist::check(bench);
        blacklist::beside_a_writer(bench);
        blacklist::expire(bench);
        blacklist::memory(bench);
    })
}

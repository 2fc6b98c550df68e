//! Beside the peers: verification and the guard. The rows of the blacklist alone are in `peers/blacklist.rs`.

#[path = "peers/tokens.rs"]
mod tokens;

fn main() -> std::process::ExitCode {
    covet_bench::main("covet-auth", |bench| {
        tokens::verify(bench);
        tokens::remembered(bench);
        tokens::authenticate(bench);
    })
}

//! The program `fairlane-adapter`.

fn main() -> std::process::ExitCode {
    fairlane_adapter::cli::run()
}

//! `presscheck calibrate`: how often checks are wrong, by labels.

use clap::Args;
use presscheck_core::labels;

use super::label::LabelPlaces;
use super::{Exit, output};

/// Which runs, and which labels.
#[derive(Args, Clone, Debug)]
pub(super) struct CalibrateArgs {
    #[command(flatten)]
    places: LabelPlaces,
}

/// What did not happen where something is wrong.
const UNCOUNTED: &str = "nothing was counted";

/// Holds the checks of runs against labels.
pub(super) fn run(arguments: &CalibrateArgs, json: bool) -> Exit {
    let places = &arguments.places;
    let read = || Ok::<_, String>((places.samples(UNCOUNTED)?, places.known(UNCOUNTED)?));
    match read() {
        Ok((samples, known)) => {
            let calibration = labels::calibrate(&samples, &known);
            output::stderr(&labels::calibration_text(&calibration));
            if json {
                output::stdout(labels::calibration_json(&calibration).as_bytes());
            }
            Exit::Pass
        }
        Err(text) => {
            super::gate::report_problem(&text, Exit::Config, json);
            Exit::Config
        }
    }
}

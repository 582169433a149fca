//! The integration tests: one binary, a module a subject.

#[cfg(test)]
mod check;
#[cfg(test)]
mod clouds;
#[cfg(test)]
mod compare;
#[cfg(test)]
mod dialects;
#[cfg(test)]
mod docs;
#[cfg(test)]
mod examples;
#[cfg(test)]
mod gate;
#[cfg(test)]
mod github;
#[cfg(test)]
mod history;
#[cfg(test)]
mod labels;
#[cfg(test)]
mod models;
#[cfg(test)]
mod plan;
#[cfg(test)]
mod simulator;
#[cfg(test)]
mod transport;
#[cfg(test)]
mod workflow;

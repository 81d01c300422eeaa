//! Comparisons of `dlpack` with its peers and with hand-written floors.
//!
//! A *row* is one task, and its *contenders* are the ways to do it: the floor, `dlpack`, the peers, and now and then a
//! reference that explains a number. One registry, [`rows::all`], serves everything: the timing run, the runs that
//! count instructions and allocations, the check that all contenders come to the same result, and criterion.
//!
//! What makes the numbers comparable:
//!
//! - the contenders of a row run in one process, interleaved, in an order drawn anew in each round;
//! - inputs and results pass through `black_box`, shapes of run-time rank too;
//! - a floor leaves out nothing that the row is about, and where a peer does less its remark says so;
//! - whatever is released is counted, and every contender's result is compared with the floor's.

pub mod contender;
pub mod data;
pub mod floors;
pub mod mallocs;
pub mod rows;
pub mod time;

pub mod command;

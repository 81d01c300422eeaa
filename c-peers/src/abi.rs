//! Both ABIs behind one trait.

use core::fmt::Debug;

use dlpack::{Exporter, Managed, RejectedError};
use dlpack_sys::{DLManagedTensor, DLManagedTensorVersioned};

use crate::library::{Export, Import, Table};
use crate::memory::Memory;

/// One of the two C structs.
pub trait Struct: dlpack::Abi + Debug {
    /// The name of the ABI, for messages.
    const NAME: &'static str;

    /// Exports memory as this struct.
    ///
    /// # Errors
    ///
    /// Those of the exporter.
    fn build(exporter: Exporter<'_, Memory>) -> Result<Managed<Self>, RejectedError<Memory>>;

    /// The function of a library that takes this struct.
    fn import(table: &Table) -> Option<Import>;

    /// The function of a library that makes this struct.
    fn export(table: &Table) -> Option<Export>;
}

impl Struct for DLManagedTensorVersioned {
    const NAME: &'static str = "versioned";

    fn build(exporter: Exporter<'_, Memory>) -> Result<Managed<Self>, RejectedError<Memory>> {
        exporter.build()
    }

    fn import(table: &Table) -> Option<Import> {
        table.import_versioned
    }

    fn export(table: &Table) -> Option<Export> {
        table.export_versioned
    }
}

impl Struct for DLManagedTensor {
    const NAME: &'static str = "legacy";

    fn build(exporter: Exporter<'_, Memory>) -> Result<Managed<Self>, RejectedError<Memory>> {
        exporter.build_legacy()
    }

    fn import(table: &Table) -> Option<Import> {
        table.import_legacy
    }

    fn export(table: &Table) -> Option<Export> {
        table.export_legacy
    }
}

//! From a command to the operation of the library that does it.

use std::sync::Arc;

use clap::CommandFactory as _;
use stateless_update::client::{self, ClientError, Settings};
use stateless_update::report::Reporter;

use super::args::{Args, Command};
use super::common::{Face, dist};
use super::config;
use super::outcome::{Change, Deed, Outcome};

/// Does it.
pub(crate) async fn run(command: Command, settings: &Settings, face: &Arc<Face>) -> Result<Outcome, ClientError> {
    let reporter: Arc<dyn Reporter> = Arc::<Face>::clone(face);
    let changed = |deed, mode, transition| Outcome::Change(Change { deed, mode, transition });
    Ok(match command {
        Command::Info => Outcome::Info(client::info(settings, &reporter)?),
        Command::CheckUpdate => Outcome::Check(client::check_update(settings, &reporter).await?),
        Command::Update(options) => {
            let request = options.request();
            let transition = match options.incremental {
                true => client::update_incrementally(settings, &request, &reporter).await?,
                false => client::update(settings, &request, &reporter).await?,
            };
            changed(Deed::Update, request.mode, transition)
        }
        Command::OsInstall(options) => {
            let request = options.request();
            changed(Deed::Install, request.mode, client::install(settings, &request, &reporter).await?)
        }
        Command::BundleAdd(options) => {
            let request = options.request();
            let transition = client::bundle_add(settings, &request, &reporter).await?;
            changed(Deed::Add(request.bundles), request.mode, transition)
        }
        Command::BundleRemove(options) => {
            let request = options.request();
            let transition = client::bundle_remove(settings, &request, &reporter).await?;
            changed(Deed::Remove(request.bundles), request.mode, transition)
        }
        Command::BundleList(options) => {
            let rows = client::bundle_list(settings, &options.filter(), &reporter)?;
            Outcome::Bundles { rows, with_status: options.status }
        }
        Command::Search(options) => {
            let request = options.request();
            let found = client::search(settings, &request, &reporter).await?;
            Outcome::BundlesFound { found, term: request.term }
        }
        Command::SearchFile(options) => {
            let request = options.request();
            let matches = client::search_file(settings, &request, &reporter).await?;
            Outcome::FilesFound { matches, term: request.term }
        }
        Command::CommandNotFound(options) => {
            Outcome::MissingCommand(client::command_not_found(settings, &options.command)?)
        }
        Command::Diagnose(options) => {
            Outcome::Diagnosis(client::diagnose(settings, &options.request(), &reporter).await?)
        }
        Command::Repair(options) => {
            let request = options.request();
            changed(Deed::Repair, request.mode, client::repair(settings, &request, &reporter).await?)
        }
        Command::Rollback(options) => {
            changed(Deed::Rollback, options.mode(), client::rollback(settings, options.mode(), &reporter)?)
        }
        Command::Recover => Outcome::Recovery(client::recover(settings, &reporter)?),
        Command::BundleInfo(options) => Outcome::Bundle {
            info: client::bundle_info(settings, &options.request(), &reporter).await?,
            with_dependencies: options.dependencies,
        },
        Command::History => Outcome::History(client::history(settings)?),
        Command::HashDump(options) => Outcome::HashDump(client::hashdump(settings, &options.path, &reporter)?),
        Command::Clean(options) => Outcome::Cleaned(client::clean(settings, options.request(), &reporter)?),
        Command::Explain(options) => Outcome::Explanation(client::explain(settings, &options.path, &reporter).await?),
        Command::Mirror(options) => Outcome::Mirror(client::mirror(settings, &options.request(), &reporter)?),
        Command::Export(options) => Outcome::Exported(client::export(settings, &options.request(), &reporter).await?),
        Command::Autoupdate(options) => {
            let request = options.request();
            Outcome::Autoupdate { request, state: client::autoupdate(settings, request, &reporter)? }
        }
        Command::Status(options) => {
            Outcome::Status { found: client::status(settings, &reporter)?, wanted: options.wanted() }
        }
        Command::Config(options) => Outcome::Config(config::run(options.command, settings, &reporter).await?),
        Command::FactoryReset(options) => {
            Outcome::Reset(client::factory_reset(settings, &options.request(), &reporter)?)
        }
        Command::Completions(options) => Outcome::script(&options)?,
        Command::DistFiles => Outcome::DistFiles(dist::files(Args::command())),
        Command::TufClient(options) => {
            let metadata_dir = options.metadata_dir.clone();
            client::tuf_client(settings, &metadata_dir, &options.request()).await?;
            Outcome::Done
        }
    })
}

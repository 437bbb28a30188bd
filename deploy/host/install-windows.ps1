# Starts the detector at every login of this user, and again if it ends. No administrator is needed.
#   powershell -ExecutionPolicy Bypass -File install-windows.ps1 -Program C:\Stinercut\stinercut-detector.exe
# Undo: Unregister-ScheduledTask -TaskName "Stinercut detector"
param(
    [Parameter(Mandatory = $true)]
    [string]$Program
)
$ErrorActionPreference = "Stop"
$Program = (Resolve-Path $Program).ProviderPath
$user = "$env:USERDOMAIN\$env:USERNAME"

$action = New-ScheduledTaskAction -Execute $Program -Argument "run" -WorkingDirectory (Split-Path $Program)
$trigger = New-ScheduledTaskTrigger -AtLogOn -User $user
$principal = New-ScheduledTaskPrincipal -UserId $user -LogonType Interactive -RunLevel Limited
$settings = New-ScheduledTaskSettingsSet -AllowStartIfOnBatteries -DontStopIfGoingOnBatteries -StartWhenAvailable `
    -ExecutionTimeLimit ([TimeSpan]::Zero) -RestartCount 999 -RestartInterval (New-TimeSpan -Minutes 1) `
    -MultipleInstances IgnoreNew

try {
    Register-ScheduledTask -TaskName "Stinercut detector" -Description "Copies footage off cards for the hub" `
        -Action $action -Trigger $trigger -Principal $principal -Settings $settings -Force | Out-Null
    Start-ScheduledTask -TaskName "Stinercut detector"
    Write-Host "The detector runs, now and after every login."
}
catch {
    # Some companies forbid tasks. A shortcut in the start-up folder needs no permission, but does not restart anything.
    Write-Warning "No task could be made ($($_.Exception.Message)). A shortcut in the start-up folder does it instead."
    $shell = New-Object -ComObject WScript.Shell
    $shortcut = $shell.CreateShortcut((Join-Path ([Environment]::GetFolderPath("Startup")) "Stinercut detector.lnk"))
    $shortcut.TargetPath = $Program
    $shortcut.Arguments = "run"
    $shortcut.WorkingDirectory = Split-Path $Program
    $shortcut.Save()
    Start-Process -FilePath $Program -ArgumentList "run" -WorkingDirectory (Split-Path $Program)
    Write-Host "The detector runs, now and after every login. If it ends, start it by its shortcut."
}
